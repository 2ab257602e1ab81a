# Each kernel learns its own teacher best; neither wins everywhere.
# W_Q alone is trained, query by query, to put out what a teacher of either kernel
# puts out, or random labels of four sizes. Dots: the fraction of queries that reach
# f ≤ 10⁻⁸ |y|² from one start, with Clopper-Pearson intervals at 95 %; left by
# gradient descent, 1000 steps with backtracking, right by Levenberg-Marquardt, 400
# steps. With as many outputs as tokens (3,4,3) softmax never fits a Gaussian teacher:
# its output stays in the hull of its values, and the target lies outside (claim
# G19). Rows: n, d, m and the teacher. Slice: 100 queries a row, tokens orthonormal,
# everything else standard normal, c = 1/√d, seed 1.
eval canvas(460)
data = "kernel-race.tsv"
teacher(t,s) = t == 0 ? "softmax" : t == 1 ? "Gaussian" : sprintf("labels × %g", s)
what(n,d,m,t,s) = sprintf("%d,%d,%d  %s", n, d, m, teacher(t,s))
set border 1
set tmargin at screen 0.92
set bmargin at screen 0.14
set xrange [-0.02:1.02]
set xtics 0.25
set yrange [12:-1]
set ytics scale 0
set xlabel "fraction of queries solved" offset 0,0.2
unset key
set multiplot
set label 1 "gradient descent" at graph 0.5,1.04 center
set label 2 "softmax" at screen 0.03,0.955 left textcolor rgb blue
set label 3 "Gaussian" at screen 0.11,0.955 left textcolor rgb orange
set lmargin at screen 0.19
set rmargin at screen 0.57
# rows of the two kernels take turns
plot data every 2::0 using 7:($0 - 0.13):8:9:yticlabels(what($1,$2,$3,$4,$5)) \
         with xerrorbars pt 7 ps 0.6 lw 1.6 lc rgb blue, \
     data every 2::1 using 7:($0 + 0.13):8:9 \
         with xerrorbars pt 7 ps 0.6 lw 1.6 lc rgb orange
set label 1 "Levenberg-Marquardt"
unset label 2
unset label 3
set lmargin at screen 0.6
set rmargin at screen 0.98
unset ytics
plot data every 2::0 using 10:($0 - 0.13):11:12 \
         with xerrorbars pt 7 ps 0.6 lw 1.6 lc rgb blue, \
     data every 2::1 using 10:($0 + 0.13):11:12 \
         with xerrorbars pt 7 ps 0.6 lw 1.6 lc rgb orange
unset multiplot
