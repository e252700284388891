# Energy and mean JCT of each scheduler over its clocks or budgets.
#   build/bin/heddle-evaluate energy --traces DIR --out results
#   gnuplot -e "results='results'; out='docs/figures'" docs/figures/evaluation_energy.gp
set datafile separator ","
names = '"FIFO EASY backfill" "SRTF" "Tiresias (least attained)" "AFS (throughput marginal)" "optimal" "powerflow"'
short(i) = word("FIFO+EASY SRTF Tiresias AFS optimal powerflow", i)
set style line 1 lc rgb "#555555" lw 1.5 pt 1 ps .8
set style line 2 lc rgb "#c98a1b" lw 1.5 pt 5 ps .7
set style line 3 lc rgb "#b5443c" lw 1.5 pt 9 ps .8
set style line 4 lc rgb "#7a6cb0" lw 1.5 pt 13 ps .9
set style line 5 lc rgb "#2f7f6f" lw 1.5 pt 11 ps .8
set style line 6 lc rgb "#0b5cad" lw 2.5 pt 7 ps .8
set grid lc rgb "#dddddd"
set terminal svg size 720,1200 font "sans,14" background "white" noenhanced
set output out."/evaluation_energy.svg"
set multiplot layout 3,1
set logscale y
set xlabel "energy (MWh)"
set ylabel "mean JCT (s)"
set key right top
arenas = "msr_itp_c02 msr_itp_c04 bursty"
do for [a=1:3] {
  set title word(arenas, a)
  plot for [i=1:6] "< sed 's/, / /g' ".results."/energy.csv | grep '^".word(arenas, a).",\"".word(names, i)."\",'" using 4:5 with linespoints ls i title short(i)
}
unset multiplot
