# Which GPU has which job when, under three policies: docs/figures/allocate.py elastic
set terminal svg size 720,660 font "sans,13" background "white" noenhanced
set output out
set multiplot
set lmargin 8
set rmargin 2
set xrange [0:185]
set yrange [0:16]
set ytics 4
set ytics out nomirror
set xtics scale 0
set grid x lc rgb "#dddddd"
set ylabel "GPUs"
set style fill solid 1 border rgb "#ffffff"
set palette maxcolors 6 defined (0 "#0b5cad", 1 "#c98a1b", 2 "#2f7f6f", 3 "#b5443c", 4 "#7a6cb0", 5 "#666666")
set cbrange [-.5:5.5]
unset colorbox
unset key
policies = "requested throughput_marginal max_min"
do for [i=1:3] {
  policy = word(policies, i)
  set tmargin at screen 1.255 - .30*i
  set bmargin at screen 1.01 - .30*i
  set title policy offset 0,-.6
  set format x (i == 3 ? "%g" : "")
  if (i == 3) { set xlabel "time (min)" }
  plot data.policy.".dat" using 1:3:1:2:3:4:5 with boxxyerror lc palette, \
       data.policy.".dat" using ($2 - $1 > 6 ? ($1 + $2)/2 : NaN):(($3 + $4)/2):(sprintf("%d", $5)) \
         with labels tc rgb "#ffffff"
}
unset multiplot
