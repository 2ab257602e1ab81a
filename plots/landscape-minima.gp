# Random slices show more minima for the Gaussian kernel than for softmax.
# Strict local minima a slice in W_Q, inside a grid of step 0.1, against the reach of
# the slice: how far it goes from the drawn start, in norms of W_Q's columns. Close
# to the start the kernels do not differ; further out the Gaussian kernel has
# several times as many, and more than half of them are gone where its rows are
# normalised, so that attention cannot fade. That softmax has more local optima,
# as was reported from landscapes of trained networks, is not seen in this model.
# Means, bars of two standard errors; minima below the rounding of the values are
# left out. Slice: sizes and scales of the figure above; a draw has the same
# tokens, weights and two directions for all kernels.
eval canvas(420)
data = "landscape-minima.tsv"
set xrange [0.8:5.2]
set yrange [0:*]
set xtics 1
set lmargin at screen 0.085
set rmargin at screen 0.80
set bmargin at screen 0.14
set tmargin at screen 0.97
set xlabel "reach of the slice" offset 0,0.2
set ylabel "minima a slice" offset 0.6
unset key
names = "softmax Gaussian Gaussian,_rows_normalised"
rgb = "0x0072B2 0xD55E00 0x009E73"
last(c) = real(system(sprintf("tail -n 1 %s | cut -f %d", data, c)))
spaced(s) = system(sprintf("printf %%s '%s' | tr _ ' '", s))
colour(i) = int(word(rgb, i + 1))
do for [i = 0:2] {
    set label i + 1 spaced(word(names, i + 1)) at first 5.12, last(2 + 2 * i) \
        noenhanced textcolor rgb colour(i)
}
plot for [i = 0:2] data using 1:(column(2 + 2 * i)):(2 * column(3 + 2 * i)) \
         with yerrorbars pt 7 ps 0.5 lw 1.4 lc rgb colour(i), \
     for [i = 0:2] data using 1:(column(2 + 2 * i)) \
         with lines lw 2 lc rgb colour(i)
