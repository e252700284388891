# Cost of a job by Zeus' measure over the clock: docs/figures/allocate.py zeus
set terminal svg size 720,420 font "sans,13" background "white" noenhanced
set output out
set grid lc rgb "#dddddd"
set key top right title "η"
set xrange [.5:1.42]
set yrange [60:200]
set xlabel "core clock (GHz)"
set ylabel "cost (% of that at the top clock)"
names = '"0: time" "0.25" "0.5" "0.75" "1: energy"'
colours = "#b5443c #c98a1b #2f7f6f #7a6cb0 #0b5cad"
plot for [i=1:5] data."zeus.dat" using 1:(column(i + 1)) with lines lw 2 lc rgb word(colours, i) title word(names, i), \
     for [i=1:5] data."zeus_picks.dat" every ::i-1::i-1 using 1:2 with points pt 7 ps 1 lc rgb word(colours, i) notitle
