# A head with nothing to attend to makes a sink; a winner makes a massive column.
# Left: eight keys, one whose value is learned, seven of noise; the loss is what
# reaches the output. Softmax sends all its weight to the key that it can switch
# off, 1 – p_0 ~ 1 / √(2 c t) with c = 8/49 (dashed, claim F24); sigmoid gates need
# not sum to one: the noise is shut out and the sink's gate stays where it is.
# Right: the winner's column of V over the median one under the logistic loss: only
# the winner's grows, like log t, and next to nothing happens if attention is held
# uniform (claim F23). Slice: a(0) = 0, v(0) = 1, noise of variance 1; and the
# authors' setting C (d = n = 10, one start).
eval canvas(430)
c = 8.0 / 49
set logscale x
set format x "10^{%T}"
set mxtics 1
set xlabel "time t" offset 0,0.2
set multiplot layout 1,2 margins 0.085,0.985,0.14,0.97 spacing 0.09,0
set logscale y
set format y "10^{%T}"
set mytics 1
set xrange [0.01:1e6]
set xtics 0.01, 100
set yrange [1e-3:5]
set ylabel "weight" offset 1
set key bottom left reverse Left
plot 1 / sqrt(2 * c * x) with lines dt 2 lc rgb faint title "1 / √(2 c t)", \
     "sink.tsv" using 1:3 with lines lw 2 lc rgb blue title "1 – p_0, softmax", \
     "sink.tsv" using 1:4 with lines lw 2 lc rgb green title "sink's gate, sigmoid", \
     "sink.tsv" using 1:5 with lines lw 2 lc rgb orange title "noise gates together, sigmoid"
unset logscale y
set format y "%g"
set xrange [1:1e8]
set xtics 1, 100
set yrange [0:10]
set ytics 2
set ylabel "winner's / median column norm" offset 1
set key top left
plot "columns.tsv" using 1:4 with lines lw 2 lc rgb blue title "attention learned", \
     "columns.tsv" using 1:5 with lines lw 2 lc rgb orange title "attention uniform"
unset multiplot
