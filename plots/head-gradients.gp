# When training begins, softmax lets little gradient through to W_Q.
# Mean |dL/dW_Q| over mean |dL/dW_V| of one attention head against the number of
# tokens: softmax at τ = 8, NormSoftmax by standard deviation and by variance,
# and softmax at τ = 1/3, where Heat Treatment starts. Only W_V escapes the
# Jacobian of softmax; claim S11 is about the lowest curve at n = 197. Lines are
# medians over draws, bands reach from the 10 % to the 90 % quantile. Slice:
# D = 256, d = 64, weights of standard deviation 0.02, X and G = dL/dZ
# independent standard normals, the same draws for all curves.
eval canvas(440)
data = "head-gradients.tsv"
set logscale xy
set xrange [4.6:230]
set yrange [0.05:3]
set xtics (5, 9, 17, 33, 65, 129, 197)
set ytics (0.05, 0.1, 0.2, 0.5, 1, 2)
set lmargin at screen 0.09
set rmargin at screen 0.79
set bmargin at screen 0.135
set tmargin at screen 0.97
set xlabel "tokens n" offset 0,0.2
set ylabel "mean |dL/dW_Q| / mean |dL/dW_V|" offset 0.6
unset key
names = "softmax,_τ_=_8 NormSoftmax,_s.d. NormSoftmax,_variance softmax,_τ_=_1/3"
rgb = "0x0072B2 0xD55E00 0x009E73 0xA8588A"
last(c) = real(system(sprintf("tail -n 1 %s | cut -f %d", data, c)))
label_y(i) = last(3 + 3 * i)
spaced(s) = system(sprintf("printf %%s '%s' | tr _ ' '", s))
colour(i) = int(word(rgb, i + 1))
# Names stand at the curves' ends, kept apart where those meet.
y_std = label_y(1)
y_var = label_y(2) < 1.18 * y_std ? 1.18 * y_std : label_y(2)
y_heat = label_y(3) < 1.18 * y_var ? 1.18 * y_var : label_y(3)
array y[4] = [label_y(0), y_std, y_var, y_heat]
do for [i = 0:3] {
    set label i + 1 spaced(word(names, i + 1)) at first 205, y[i + 1] offset 0.4,0 \
        noenhanced textcolor rgb colour(i)
}
plot for [i = 0:3] data using 1:(column(2 + 3 * i)):(column(4 + 3 * i)) \
         with filledcurves lc rgb colour(i), \
     for [i = 0:3] data using 1:(column(3 + 3 * i)) \
         with linespoints lw 2 pt 7 ps 0.4 lc rgb colour(i)
