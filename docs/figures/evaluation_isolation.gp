# Completion times, waiting and fragmentation by load, of the isolation evaluation.
#   build/bin/heddle-evaluate isolation --out results
#   gnuplot -e "results='results'; out='docs/figures'" docs/figures/evaluation_isolation.gp
set datafile separator ","
set style line 1 lc rgb "#b5443c" lw 2 pt 7 ps .7
set style line 2 lc rgb "#c98a1b" lw 2 pt 5 ps .7
set style line 3 lc rgb "#7a6cb0" lw 2 pt 9 ps .8
set style line 4 lc rgb "#2f7f6f" lw 2 pt 13 ps .9
set style line 5 lc rgb "#0b5cad" lw 2 pt 11 ps .8
set style line 6 lc rgb "#555555" lw 2 dt 2 pt 1 ps .8
names = '"packed, ECMP" "packed, balanced ECMP" "packed, source routing" "vclos" "ocs_vclos, free" "ideal network"'
short(i) = word("ECMP balanced source vclos ocs_vclos ideal", i)
rows = results."/isolation.csv"
pick(i, gpus, mix, c) = (strcol(1) eq gpus && strcol(4) eq mix && strcol(5) eq "fifo" && strcol(6) eq word(names, i)) ? column(c) : NaN
set grid lc rgb "#dddddd"
set key left top

set terminal svg size 720,460 font "sans,13" background "white"
set xlabel "offered load"
set ylabel "mean waiting time (s)"
set logscale y
set output out."/evaluation_waiting.svg"
plot for [i=1:6] "< sort -t, -k3,3g ".rows using 3:(pick(i, "512 GPUs", "heavy", 12)) with linespoints ls i title short(i)
unset logscale y
set output out."/evaluation_fragmentation.svg"
set ylabel "network fragmentation (%)"
plot for [i=1:6] "< sort -t, -k3,3g ".rows using 3:(100 * pick(i, "512 GPUs", "heavy", 15)) with linespoints ls i title short(i)

set output out."/evaluation_cdf.svg"
set logscale x
set key right bottom
set xlabel "job completion time (s)"
set ylabel "jobs done (%)"
cdf = results."/isolation_cdf.csv"
gap = real(system("awk -F, '$1==\"512 GPUs\" && $4==\"heavy\" && $3>0.74 && $3<0.76 {print $2; exit}' ".rows))
plot for [i=1:6] cdf using ((strcol(1) eq "512 GPUs" && abs($2 - gap) < 1e-9 && strcol(3) eq "heavy" && strcol(4) eq "fifo" && strcol(5) eq word(names, i)) ? $7 : NaN):6 with lines ls i title short(i)
