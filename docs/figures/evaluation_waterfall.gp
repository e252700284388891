# From today's cluster to both papers, step by step.
#   build/bin/heddle-evaluate joint --traces DIR --out results
#   gnuplot -e "results='results'; out='docs/figures'" docs/figures/evaluation_waterfall.gp
set datafile separator ","
rows = results."/waterfall.csv"
set terminal svg size 720,1300 font "sans,14" background "white"
set output out."/evaluation_waterfall.svg"
set multiplot layout 4,1
set grid y lc rgb "#dddddd"
set boxwidth .38
set style fill solid 1 noborder
set xrange [-.6:7.6]
set xtics rotate by -25 noenhanced
set ylabel "of today's (%)"
set logscale y
set key outside top center horizontal
arenas = '"msr_itp_c02" "msr_itp_c04" "bursty" "vClos mix (heavy)"'
do for [a=1:4] {
  arena = word(arenas, a)
  # Full power until clocks are there, then 65 %.
  one = "< grep '^".arena.",' ".rows." | head -16 | awk 'NR%2==(NR<=10)'"
  set autoscale y
  stats one using 4 every ::0::0 nooutput
  energy = STATS_max
  stats one using 5 every ::0::0 nooutput
  jct = STATS_max
  set yrange [5:200]
  set title arena noenhanced
  plot one using ($0-.2):(100*$5/jct):xtic(stringcolumn(2)) with boxes lc rgb "#0b5cad" title "mean JCT", \
       one using ($0+.2):(100*$4/energy) with boxes lc rgb "#c98a1b" title "energy"
}
unset multiplot
