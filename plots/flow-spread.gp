# The square loss polarises only what a large target amplifies.
# Left: the entropy at which attention ends, over the spread η of the start and the
# size |b| of the target. The flow stops when the output has reached b, and till
# then it amplifies the start by e^{|b|} / 2 (claim F18): what is small stays
# uniform left of |b| = log(2/η) (line). Right: entropy along three spreads, and
# what the amplification law alone predicts (dashed); where it speaks of large
# logits it is no longer exact.
# Slice: n = 8 tokens, u(0) = ηξ, a(0) = ηc with one draw of normal ξ and c, the
# limit t → ∞.
eval canvas(400)
data = "flow-spread.tsv"
stats data using 1 nooutput
edge = int(sqrt(STATS_records) + 0.5)
set style fill solid 1 noborder
set xlabel "|b|" offset 0,0.4
set multiplot
set border 0
set xrange [0.5:16]
set yrange [-6:0]
set format y "10^{%g}"
set ylabel "η" offset 1
set tics scale 0.5
set lmargin at screen 0.085
set rmargin at screen 0.43
set bmargin at screen 0.14
set tmargin at screen 0.95
set palette defined (0 "#0b2a40", 0.35 blue, 0.7 "#8fbddb", 1 "#dddddd")
set cbrange [0:1]
set cbtics 0.25
set cblabel "H / log n" offset -0.4
set colorbox user origin screen 0.45,0.14 size screen 0.016,0.81
set key off
plot data using 2:(log10($1)):($6 / log(8)) with image, \
     log10(2 * exp(-x)) with lines lw 2 lc rgb orange
set lmargin at screen 0.62
set rmargin at screen 0.985
set border 3
set format y "%g"
set yrange [0:1.05]
set ylabel "H / log n" offset 1
set key bottom left reverse Left
row(k) = int((edge - 1) * k / 3)
eta(k) = sprintf("η = 10^{%d}", -6 + 2 * k)
plot for [k=0:2] data every ::(row(k) * edge)::(row(k) * edge + edge - 1) \
         using 2:($3 / log(8)) with lines lw 1.2 dt 2 lc rgb word("#0072B2 #D55E00 #009E73", k + 1) notitle, \
     for [k=0:2] data every ::(row(k) * edge)::(row(k) * edge + edge - 1) \
         using 2:($6 / log(8)) with lines lw 2 lc rgb word("#0072B2 #D55E00 #009E73", k + 1) title eta(k)
unset multiplot
