# Delay by length of the job under five orders: docs/figures/allocate.py order
set terminal svg size 720,440 font "sans,13" background "white" noenhanced
set output out
set grid y lc rgb "#dddddd"
set key outside top center horizontal maxcols 3 samplen 2
set style data histogram
set style histogram clustered gap 1.2
set style fill solid 1 noborder
set xtics scale 0
set xrange [-.6:3.6]
set yrange [0:480]
set xlabel "quarter of the jobs by run time"
set ylabel "mean delay (min)"
names = "fifo fewest_gpus shortest shortest_remaining least_attained"
colours = "#555555 #7a6cb0 #c98a1b #b5443c #0b5cad"
rows = data."order.dat"
plot for [i=1:5] rows using (column(i + 1)):xtic(1) lc rgb word(colours, i) title word(names, i), \
     for [i=1:5] rows using ($0 + (i - 3)/6.2):(column(i + 1)):(sprintf("%.0f", column(i + 1))) \
       with labels offset 0,.5 font "sans,10" notitle
