# Waiting and fragmentation by load, and completion times, of the isolation evaluation.
#   build/bin/heddle-evaluate isolation --gpus 512 --seeds 24 --out results
#   gnuplot -e "results='results'; out='docs/figures'" docs/figures/evaluation_isolation.gp
set datafile separator ","
set style line 1 lc rgb "#b5443c" lw 2 pt 7 ps .7
set style line 2 lc rgb "#c98a1b" lw 2 pt 5 ps .7
set style line 3 lc rgb "#7a6cb0" lw 2 pt 9 ps .8
set style line 4 lc rgb "#2f7f6f" lw 2 pt 13 ps .9
set style line 5 lc rgb "#0b5cad" lw 2 pt 11 ps .8
set style line 6 lc rgb "#111111" lw 2 pt 8 ps .8
set style line 7 lc rgb "#555555" lw 2 dt 2 pt 1 ps .8
names = '"packed ECMP" "packed source routing" "packed Crux-like paths" "vclos" "pays declared" "pays ocs_vclos declared all may move" "ideal network"'
short(i) = word('ECMP "source routing" "Crux-like" "own links, always" "own links, where it pays" "own circuits, where it pays" ideal', i)
# Rows of one scheduler; names lose their commas.
of(file, i) = "< sed 's/, / /g' ".results."/".file." | grep '^512 GPUs,.*,heavy,fifo,\"".word(names, i)."\",'"
set grid lc rgb "#dddddd"
set key right bottom

set terminal svg size 720,460 font "sans,13" background "white" noenhanced
set xlabel "offered load"
set ylabel "mean waiting time (s)"
set logscale y
set output out."/evaluation_waiting.svg"
plot for [i=1:7] of("isolation.csv", i) using 3:12 with linespoints ls i title short(i)
unset logscale y
set key right center
set output out."/evaluation_fragmentation.svg"
set ylabel "network fragmentation (%)"
plot for [i=1:7] of("isolation.csv", i) using 3:(100*$15) with linespoints ls i title short(i)

set output out."/evaluation_cdf.svg"
set logscale x
set key right bottom
set xlabel "job completion time (s), load .75"
set ylabel "jobs done (%)"
gap = system("awk -F, '$4==\"heavy\" && $3>0.74 && $3<0.76 {print $2; exit}' ".results."/isolation.csv")
plot for [i=1:7] of("isolation_cdf.csv", i)." | grep ',".gap.",'" using 7:6 with lines ls i title short(i)
