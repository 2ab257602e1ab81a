# How far attention polarises depends on the loss, and on the size of its target.
# Entropy of attention, relative to ln n, on log time under five losses from the
# same starts. Logistic and exponential loss have no minimiser and polarise for
# ever, like 1 / log² t (claim F19); a square loss is over before attention has
# moved if its target is short (|b| = 1), and moves it if it is long (|b| = 6,
# claim F18), but never to a corner (claim F17); cross-entropy to an interior
# distribution ends at a positive entropy. Lines are medians over draws, bands
# reach from the 10 % to the 90 % quantile. Slice: d = n = 10, V(0) of
# independent normals of standard deviation 0.1, a(0) = 0, targets in drawn
# directions.
eval canvas(440)
data = "flow-entropy.tsv"
set logscale x
set xrange [0.01:1e7]
set yrange [0:1.04]
set format x "10^{%T}"
set xtics 1e-2, 10
set mxtics 1
set ytics 0.25
set lmargin at screen 0.085
set rmargin at screen 0.8
set bmargin at screen 0.135
set tmargin at screen 0.97
set xlabel "time t" offset 0,0.2
set ylabel "H / ln n" offset 0.8
unset key
names = "logistic exponential square,_|b|_=_1 square,_|b|_=_6 cross-entropy"
rgb = "0x0072B2 0x808080 0x009E73 0xD55E00 0xA8588A"
spaced(s) = system(sprintf("printf %%s '%s' | tr _ ' '", s))
colour(i) = int(word(rgb, i + 1))
dash(i) = i == 1 ? 2 : 1
last(c) = real(system(sprintf("tail -n 1 %s | cut -f %d", data, c)))
# Names stand at the curves' ends, but for those of one end.
array y[5] = [last(3) - 0.025, last(3) + 0.03, last(9), last(12), last(15) + 0.03]
do for [i = 0:4] {
    set label i + 1 spaced(word(names, i + 1)) at first 1e7, y[i + 1] offset 0.6,0 \
        noenhanced textcolor rgb colour(i)
}
plot for [i = 0:4] data using 1:(column(2 + 3 * i)):(column(4 + 3 * i)) \
         with filledcurves lc rgb colour(i), \
     for [i = 0:4] data using 1:(column(3 + 3 * i)) \
         with lines lw 2 dt dash(i) lc rgb colour(i)
