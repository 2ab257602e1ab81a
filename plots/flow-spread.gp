# A square loss polarises only if its target is long, or the start already is.
# Entropy at which the flow of a square loss ends, relative to ln n, against the
# size η of the start, for targets of four lengths |b|. Dashed: what the
# amplification law says (R9, claim F18), a(∞) = a(0) cosh |b| + u(0) sinh |b|, for
# small starts: the entropy leaves ln n where e^|b| η is about 1. The law is for
# small η: it misses what happens once attention has moved. Slice: n = 8, u(0) and
# a(0) are η times two vectors of normals drawn once, seed 1; aligned V(0).
eval canvas(440)
data = "flow-spread.tsv"
set logscale x
set xrange [1e-6:1]
set format x "10^{%T}"
set mxtics 1
set yrange [0:1.05]
set ytics 0.25
set xlabel "size η of the start" offset 0,0.2
set ylabel "H(∞) / ln n" offset 0.6
set lmargin at screen 0.085
set rmargin at screen 0.975
set bmargin at screen 0.14
set tmargin at screen 0.97
set key at graph 0.02,0.5 left top reverse Left
lengths = "1 4 8 12"
rgb = "0x009E73 0x0072B2 0xA8588A 0xD55E00"
colour(i) = int(word(rgb, i + 1))
# Rows go through |b| = 0.5, 1, ... 16 for one η after the other.
row(i) = int(2 * real(word(lengths, i + 1)) - 1)
plot for [i = 0:3] data every 32::row(i) using 1:($3 / log(8)) \
         with lines dt 2 lc rgb colour(i) notitle, \
     for [i = 0:3] data every 32::row(i) using 1:($6 / log(8)) \
         with linespoints pt 7 ps 0.3 lw 2 lc rgb colour(i) \
         title sprintf("|b| = %s", word(lengths, i + 1))
