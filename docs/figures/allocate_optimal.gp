# What each job draws under three objectives, over its length: docs/figures/allocate.py optimal
set terminal svg size 720,420 font "sans,13" background "white" noenhanced
set output out
set grid lc rgb "#dddddd"
set key top right
set logscale x
set xrange [1.8:45]
set xtics (2, 3, 5, 10, 20, 40)
set yrange [-30:1250]
set xlabel "length of the job: on one GPU at the top clock (h)"
set ylabel "power given to the job (W), 0: it waits"
rows = data."optimal.dat"
plot rows using 1:3 with linespoints lw 2 pt 5 ps .7 lc rgb "#c98a1b" title "completion rate", \
     rows using 1:2 with linespoints lw 2 pt 7 ps .7 lc rgb "#0b5cad" title "jct", \
     rows using 1:4 with linespoints lw 2 pt 9 ps .8 lc rgb "#2f7f6f" title "energy"
