# Time of an iteration of BERT on T4 over the local batch, for GPUs in one server and in several,
# measured (Pollux artifact) and fitted.
#   build/bin/heddle-fit-tables --points bert > points.dat
#   gnuplot -e "points='points.dat'; out='docs/figures/model_placements.svg'" docs/figures/model_placements.gp
set terminal svg size 640,420 font "sans,12"
set output out
set xlabel "local batch (samples per GPU)"
set ylabel "time of an iteration (s)"
set yrange [0:]
set key outside
set grid
plot points index 0 using 1:2 with points pt 7 lc 1 title "1 GPU", points index 0 using 1:3 with lines lc 1 notitle, \
     points index 3 using 1:2 with points pt 7 lc 2 title "4, one server", points index 3 using 1:3 with lines lc 2 notitle, \
     points index 4 using 1:2 with points pt 7 lc 3 title "2, two servers", points index 4 using 1:3 with lines lc 3 notitle, \
     points index 26 using 1:2 with points pt 7 lc 4 title "64, 16 servers", points index 26 using 1:3 with lines lc 4 notitle
