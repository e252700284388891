# Throughput of jobs on three types of GPU under four policies: docs/figures/allocate.py shares
set terminal svg size 720,440 font "sans,13" background "white" noenhanced
set output out
set grid y lc rgb "#dddddd"
set key outside top center horizontal maxcols 2
set style data histogram
set style histogram clustered gap 1.2
set style fill solid 1 noborder
set xrange [-.6:5.6]
set yrange [0:*]
set xtics scale 0
set ylabel "throughput, 1: with an equal part of each type"
rows = data."shares.dat"
plot rows using 2:xtic(1) lc rgb "#0b5cad" title "max_min_lexicographic", \
     rows using 3 lc rgb "#2f7f6f" title "finish_time_fairness", \
     rows using 4 lc rgb "#c98a1b" title "max_normalized_throughput", \
     rows using 5 lc rgb "#b5443c" title "max_throughput", \
     1 with lines lw 1.5 dt 2 lc rgb "#333333" notitle
