# Time of a decision over the size of the cluster.
#   build/bin/heddle-evaluate decisions --out results
#   gnuplot -e "results='results'; out='docs/figures'" docs/figures/evaluation_decisions.gp
set datafile separator ","
rows = results."/decisions.csv"
names = '"packed" "vclos" "ocs_vclos, free" "powerflow + vclos" "optimal + vclos"'
colours = "#555555 #b5443c #c98a1b #0b5cad #2f7f6f"
set terminal svg size 720,500 font "sans,14" background "white"
set output out."/evaluation_decisions.svg"
set logscale xy
set grid lc rgb "#dddddd"
set key left top
set xlabel "GPUs"
set ylabel "time of a decision (µs): median, dashed 99th percentile"
set xtics ("512" 512, "2 048" 2048, "8 192" 8192, "32 768" 32768, "131 072" 131072)
plot for [i=1:5] rows using (strcol(1) eq word(names, i) ? $2 : NaN):3 with linespoints lw 2 pt 7 ps .7 lc rgb word(colours, i) title word(names, i), \
     for [i=1:5] rows using (strcol(1) eq word(names, i) ? $2 : NaN):4 with lines lw 1.5 dt 2 lc rgb word(colours, i) notitle
