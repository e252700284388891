# Time of a decision over the size of the cluster.
#   build/bin/heddle-evaluate decisions --out results
#   gnuplot -e "results='results'; out='docs/figures'" docs/figures/evaluation_decisions.gp
set datafile separator ","
of(i) = "< sed 's/, / /g' ".results."/decisions.csv | grep '^\"".word(names, i)."\",'"
names = '"packed" "vclos" "ocs_vclos free" "powerflow + vclos" "optimal + vclos"'
colours = "#555555 #b5443c #c98a1b #0b5cad #2f7f6f"
set terminal svg size 720,500 font "sans,14" background "white" noenhanced
set output out."/evaluation_decisions.svg"
set logscale xy
set grid lc rgb "#dddddd"
set key outside top center horizontal
set xlabel "GPUs"
set xrange [400:170000]
set ylabel "time of a decision (µs): median, dashed 99th percentile"
set xtics ("512" 512, "2 048" 2048, "8 192" 8192, "32 768" 32768, "131 072" 131072)
plot for [i=1:5] of(i) using 2:3 with linespoints lw 2 pt 7 ps .7 lc rgb word(colours, i) title word(names, i), \
     for [i=1:5] of(i) using 2:4 with lines lw 1.5 dt 2 lc rgb word(colours, i) notitle
