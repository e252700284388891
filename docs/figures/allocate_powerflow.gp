# Time left and energy over the power budget: docs/figures/allocate.py powerflow
set terminal svg size 720,600 font "sans,13" background "white" noenhanced
set output out
set multiplot
set lmargin 9
set rmargin 2
set grid lc rgb "#dddddd"
set xrange [1:13]
rows = data."powerflow.dat"

set tmargin at screen .98
set bmargin at screen .46
set key top right
set format x ""
set logscale y
set yrange [3:60]
set ytics (3, 5, 10, 20, 30, 50)
set ylabel "mean time left (h)"
plot rows using 1:6 with lines lw 2 dt 2 lc rgb "#555555" title "optimal, at 1.38 GHz alone", \
     rows using 1:2 with lines lw 2 lc rgb "#0b5cad" title "powerflow", \
     rows using 1:4 with lines lw 2 lc rgb "#c98a1b" title "optimal (proved)"

set tmargin at screen .42
set bmargin at screen .1
unset key
set format x
unset logscale y
set yrange [20:55]
set ytics 10
set ylabel "energy of all work (kWh)"
set xlabel "power that the GPUs may draw (kW)"
plot rows using 1:7 with lines lw 2 dt 2 lc rgb "#555555", \
     rows using 1:3 with lines lw 2 lc rgb "#0b5cad", \
     rows using 1:5 with lines lw 2 lc rgb "#c98a1b"
unset multiplot
