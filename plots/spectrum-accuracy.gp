# Every eigenvalue keeps its digits, however small.
# Relative error of each eigenvalue of τJ against its size: this library's
# spectrum, and LAPACK's dsyevd on the dense matrix, both compared with ball
# arithmetic at 128 bits. LAPACK promises an error of a few u ‖J‖ (dashed: one
# such u, as relative error), so that eigenvalues below that need have no correct
# digit. Values that agree with the reference to the last bit are drawn at
# 10^-17. Slice: rows of n = 96 independent normal logits of standard deviation 20
# at τ = 1, eigenvalues of at least 10^-40.
eval canvas(440)
data = "spectrum-accuracy.tsv"
u = 2.0 ** -53
floor17(x) = x < 1e-17 ? 1e-17 : x
set logscale xy
set xrange [1e-40:1]
set yrange [3e-18:1e6]
set format xy "10^{%T}"
set xtics 1e-40, 1e5
set ytics 1e-15, 1e5
set mxtics 1
set mytics 1
set lmargin at screen 0.09
set rmargin at screen 0.975
set bmargin at screen 0.15
set tmargin at screen 0.97
set xlabel "eigenvalue of τJ" offset 0,0.2
set ylabel "relative error" offset 1
set key top right
plot data using 1:(floor17($3)) with points pt 9 ps 0.45 lc rgb orange title "LAPACK dsyevd", \
     data using 1:(floor17($2)) with points pt 7 ps 0.4 lc rgb blue title "theoremeter", \
     u / (2 * x) with lines dt 2 lc rgb faint title "u ‖J‖ / µ at ‖J‖ = 1/2"
