# The eigenvalues of the softmax Jacobian interlace the sorted probabilities.
# Each bar spans two neighbouring probabilities, n p_(k–1) to n p_(k); each
# point is the eigenvalue n µ_k of n τJ, which claim S3 places inside the bar.
# Uniform attention is 1 on this scale; µ_1 = 0, the vector of ones, is left
# out. Slice: one row of n = 16 logits of each kind at τ = 1, independent normal
# with the given standard deviation, or Student's t with two degrees of freedom.
# The first panel's axis is linear.
eval canvas(600)
n = 16
data = "softmax-spectra.tsv"
kinds = "normal,_s.d._0.1 normal,_s.d._1 normal,_s.d._3 Student_t,_2_d.f."
spaced(s) = system(sprintf("printf %%s '%s' | tr _ ' '", s))
set xrange [1.2:n + 0.8]
set xtics 2, 2
set multiplot layout 2,2 margins 0.09,0.985,0.115,0.945 spacing 0.095,0.155

do for [i = 0:3] {
    set title spaced(word(kinds, i + 1)) noenhanced offset 0,-0.5
    if (i == 0) { set ytics 0.1; set key top left reverse Left }
    if (i > 0) { set ytics autofreq; set logscale y; unset key }
    set format y i > 0 ? "10^{%T}" : "%g"
    set ylabel i % 2 ? "" : "n p_{(k)},  n µ_k" offset 1.2
    set xlabel i > 1 ? "rank k" : "" offset 0,0.3
    high = NaN
    plot data using 1:(low = high, high = n * column(2 + 2 * i), low):(0):(high - low) \
             with vectors nohead lw 9 lc rgb faint title "n p_{(k–1)} to n p_{(k)}", \
         data using 1:($1 > 1 ? n * column(3 + 2 * i) : NaN) \
             with points pt 7 ps 0.8 lc rgb orange title "n µ_k"
}
unset multiplot
