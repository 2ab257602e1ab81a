# Entropy may rise.
# Entropy of attention, relative to ln n, on log time in four flows. Orange:
# logistic loss, n = 2, logits against the order of the projections,
# u(0) = (–0.5, 0.5), a(0) = (0.4, –0.4); grey: the same with the logits in order,
# where entropy can only fall (claim F9). Green: a square loss that begins beyond
# its target, u(0) = (3, 1, 1), a(0) = (1, 0, –1), b = 0.5, runs its orbit
# backwards and depolarises for good. Purple: the start on which entropy rises most
# above what it had fallen to, of all that were drawn, for a regression whose
# singular values are 1 and 1/3, with a(0) = 0. All of this is claim F21, which
# refutes that gradient flow always lowers entropy. Slice: d = 1, and d = 2, n = 3
# with V(0), y of independent standard normals for the regression.
eval canvas(420)
data = "entropy-rise.tsv"
set logscale x
set xrange [0.01:1000]
set format x "%g"
set yrange [0.3:1.03]
set ytics 0.1
set lmargin at screen 0.085
set rmargin at screen 0.975
set bmargin at screen 0.14
set tmargin at screen 0.97
set xlabel "time t" offset 0,0.2
set ylabel "H / ln n" offset 0.8
set key at graph 0.02,0.52 left top reverse Left
plot data using 1:4 with lines lw 2 lc rgb green title "square, beyond its target", \
     data using 1:5 with lines lw 2 lc rgb purple title "regression, worst draw", \
     data using 1:3 with lines lw 2 lc rgb orange title "logistic, against the order", \
     data using 1:2 with lines lw 2 dt 2 lc rgb faint title "logistic, in order"
