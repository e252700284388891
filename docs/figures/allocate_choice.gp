# Bound, optimum and greedy over the capacities: docs/figures/allocate.py choice
set terminal svg size 720,400 font "sans,13" background "white" noenhanced
set output out
set grid lc rgb "#dddddd"
set key bottom right
set xrange [10:100]
set yrange [40:135]
set xlabel "capacity of the three resources (% of the mean demand)"
set ylabel "value (% of the optimum)"
rows = data."choice.dat"
plot rows using 1:2:(100) with filledcurves fc rgb "#c98a1b" fs solid .25 notitle, \
     rows using 1:3:(100) with filledcurves fc rgb "#b5443c" fs solid .15 notitle, \
     rows using 1:2 with lines lw 2 lc rgb "#c98a1b" title "bound by prices", \
     100 with lines lw 2 lc rgb "#0b5cad" title "optimum, proved", \
     rows using 1:3 with lines lw 2 lc rgb "#b5443c" title "greedy"
