# Zero loss is attainable from D = Nn on; gradient descent gets there much later.
# Only W_V is trained, with the step 1/L. Above: the fraction of trainings that
# reach f ≤ 10⁻⁸ f₀ within 5000 steps (grey: none), by D/(Nn) and the scale of W_Q
# and W_K; left of the dashed line D < Nn, where none can. Below, at scale 1 and in the colours of
# the titles, left: the same fraction with its Clopper-Pearson interval at 95 %, and
# (dashed) the fraction of trainings whose σ_min(B) > 0 is certified, so that
# Theorem 1 promises zero loss. Right: the steps that the spectrum of W_V's Jacobian
# says are needed, in the median (a gap: more than doubles can tell); grey: the 5000
# that were granted. What decides is the condition of B: best for the Gaussian kernel
# with W_Q = W_K, worst for it with independent ones, where most of the attention is
# next to zero. Slice: N = 2, n = 3, d = 4, m = 2, one head, normal tokens and
# labels, 12 seeds a cell, seed 1.
eval canvas(610)
data = "threshold.tsv"
granted = 5000
stats data using (D = $1, $0 == 0 ? (D0 = D) : D == D0 ? 0 : 1) nooutput
stats data using ($1 == D0 ? 1 : NaN) nooutput
of_one_D = STATS_records
stats data using ($2 < 1 ? 1 : NaN) nooutput
below = STATS_records / of_one_D
across(i) = int(i / of_one_D)
names = "'softmax, independent' 'Gaussian, independent' 'softmax, W_Q = W_K' 'Gaussian, W_Q = W_K'"
rgb = "0x009E73 0xA8588A 0x0072B2 0xD55E00"
colour(i) = int(word(rgb, i + 1))
is(i) = column(5) == i % 2 && column(4) == i / 2
set style fill solid 1 noborder
set multiplot

# maps: a cell for each D and scale, not to scale
# not the blue of curves, which turns lighter on a dark page: 1 would pass for 0.6
set palette defined (0 "#cdcdcd", 0.001 "#d5e3ee", 1 "#0071b1")
set cbrange [0:1]
set tmargin at screen 0.93
set bmargin at screen 0.64
set xrange [-0.5:7.5]
set yrange [-2.5:2.5]
set ytics ("0.1" -2, "0.3" -1, "1" 0, "3" 1, "10" 2)
set xtics rotate by -60 font ",10" scale 0.4
set xlabel "D / (Nn)" offset 0,0.9
set ylabel "scale" offset 0.6
unset colorbox
do for [i = 0:3] {
    set lmargin at screen 0.08 + 0.217 * i
    set rmargin at screen 0.08 + 0.217 * i + 0.197
    set title word(names, i + 1) textcolor rgb colour(i) offset 0,-0.6
    set arrow 1 from below - 0.5, -2.5 to below - 0.5, 2.5 nohead front dt 2 lw 1.5
    if (i == 3) { set colorbox user origin screen 0.945,0.64 size screen 0.015,0.29 }
    set cbtics 0.5 scale 0.5
    plot data using (across($0)):(is(i) ? floor(2 * log10($3) + 0.5) : NaN):(0.47):(0.47):9:xticlabels(sprintf("%.2g", $2)) \
         with boxxyerror fs solid 1 noborder lc palette notitle
    set ytics ("" -2, "" -1, "" 0, "" 1, "" 2)
    unset ylabel
}
unset arrow 1
unset title
unset colorbox
set format y "%g"

# curves at scale 1
set tmargin at screen 0.50
set bmargin at screen 0.10
set logscale x
set xrange [0.45:6.9]
set xtics norotate scale 1
set xtics (0.5, 1, 1.5, 2, 3, 6) font ""
set xlabel "D / (Nn)" offset 0,0.4
set lmargin at screen 0.095
set rmargin at screen 0.5
set yrange [-0.03:1.05]
set ytics 0.25
set ylabel "fraction of trainings" offset 0.2
set arrow 1 from 1, graph 0 to 1, graph 1 nohead back dt 2 lw 1
unset key
# the rows of scale 1: the third of five
row(i) = 2 * of_one_D / 5 + i
plot for [i = 0:3] data every of_one_D::row(i) using ($2 * (1 + 0.02 * (i - 1.5))):9:10:11 \
         with yerrorlines pt 7 ps 0.4 lw 1.5 lc rgb colour(i) notitle, \
     for [i = 0:3] data every of_one_D::row(i) using 2:12 \
         with lines dt 2 lw 1.2 lc rgb colour(i) notitle
set lmargin at screen 0.585
set rmargin at screen 0.985
set logscale y
set yrange [30:1e22]
set format y "10^{%T}"
set ytics (1e3, 1e6, 1e9, 1e12, 1e15, 1e18)
set ylabel "steps needed" offset 0.6
plot granted with lines lw 1.5 lc rgb faint notitle, \
     for [i = 0:3] data every of_one_D::row(i) using 2:17 \
         with linespoints pt 7 ps 0.4 lw 2 lc rgb colour(i) notitle
unset multiplot
