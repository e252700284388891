# Circuits to set up when a tenth of a full fabric is exchanged, by shape: what must be, the bound, heddle and
# the per-switch method. The rows of rewire.csv are those of the table in docs/optical/rewire.md, made by
#   build/bin/heddle-bench-optical --benchmark_filter='rewire'
#   gnuplot -e "rows='docs/figures/rewire.csv'; out='docs/figures/rewire.svg'" docs/figures/rewire.gp
set terminal svg size 640,420 font "sans,12"
set output out
set datafile separator ","
set datafile missing "-"
set xlabel "leafs and as many spines × switches"
set ylabel "circuits set up, of 100 there are"
set yrange [0:]
set key outside below horizontal maxcols 2
set grid ytics
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.8 border -1
plot rows skip 1 using (100*$3/$2):xtic(1) title "wanted and not there", \
     rows skip 1 using (100*$4/$2) title "lower bound proved by heddle", \
     rows skip 1 using (100*$5/$2) title "heddle", \
     rows skip 1 using (100*$6/$2) title "switch by switch, min-cost flow"
