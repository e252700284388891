# Power and time of V100 running binomialOptions over the core clock, measured and fitted.
#   printf 'clock_ghz\n' > p.csv; seq 0.45 0.01 1.40 >> p.csv
#   build/bin/heddle-fit docs/figures/model_clock.csv --predict p.csv | tail -n +2 > fitted.csv
#   gnuplot -e "fitted='fitted.csv'; rows='docs/figures/model_clock.csv'; out='docs/figures/model_clock.svg'" docs/figures/model_clock.gp
set terminal svg size 640,420 font "sans,12"
set output out
set datafile separator ","
set xlabel "core clock (GHz)"
set ylabel "power (W)"
set y2label "time (ms)"
set ytics nomirror
set y2tics
set yrange [0:]
set y2range [0:]
set key top center
set grid
plot rows skip 1 using 1:3 with points pt 7 lc 1 title "power, measured", fitted using 1:3 with lines lc 1 title "ridge", \
     rows skip 1 using 1:(1e3*$2) axes x1y2 with points pt 5 lc 2 title "time, measured", \
     fitted using 1:(1e3*$2) axes x1y2 with lines lc 2 title "with a knee"
