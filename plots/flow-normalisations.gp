# Other normalisations become one-hot too, and softmax is the last to arrive.
# The largest weight p_max on log time when attention is normalised by softmax, by
# |a_i|, by a_i², by a_i over their sum, by max(a_i, 0), or not at all (sigmoid).
# Left: square loss; right: logistic loss, under which |a_i| and max(a_i, 0), the
# same while all logits are positive, arrive in finite time, and a_i over the sum
# leaves the simplex (claim F22): softmax is not special here. Slice: the authors'
# settings B and C, drawn bit for bit (d = n = 10, one start, gradient descent with
# their steps); time is steps times step.
eval canvas(430)
names = "softmax |a_i| a_i² sum max(a_i,0) sigmoid"
rgb = "0x0072B2 0x009E73 0xA8588A 0x808080 0xD55E00 0x808080"
colour(i) = int(word(rgb, i + 1))
dash(i) = i == 5 ? 2 : i == 4 ? 4 : 1
set logscale x
set format x "10^{%T}"
set xtics 0.01, 10
set mxtics 1
set yrange [0:1.25]
set ytics 0.25
set key top left reverse Left
set xlabel "time t" offset 0,0.2
set multiplot layout 1,2 margins 0.085,0.985,0.14,0.93 spacing 0.06,0
set title "square loss" offset 0,-0.6
set ylabel "p_{max}" offset 0.2
set xrange [0.1:500]
plot for [i = 0:5] "B.tsv" using 1:(column(3 + 2 * i)) with lines lw 2 \
    dt dash(i) lc rgb colour(i) title word(names, i + 1)
set title "logistic loss"
set ylabel ""
set xrange [0.5:5e4]
plot for [i = 0:5] "C.tsv" using 1:(column(3 + 2 * i)) with lines lw 2 \
    dt dash(i) lc rgb colour(i) notitle
unset multiplot
