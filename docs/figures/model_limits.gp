# Time of an iteration of ResNet-50 on V100 over the power limit, measured (Zeus) and fitted.
#   build/bin/heddle-fit-tables --points "resnet50/imagenet v100" > points.dat
#   gnuplot -e "points='points.dat'; out='docs/figures/model_limits.svg'" docs/figures/model_limits.gp
set terminal svg size 640,420 font "sans,12"
set output out
set xlabel "power limit (W)"
set ylabel "time of an iteration (arbitrary unit)"
set logscale y
set key outside title "batch"
set grid
plot for [i=0:7] points index i using 1:2 with points pt 7 ps 0.6 lc i+1 title columnheader(1), \
     for [i=0:7] points index i using 1:3 with lines lc i+1 notitle
