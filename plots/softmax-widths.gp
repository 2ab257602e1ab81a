# The Jacobian of softmax vanishes at both ends of the width of its logits.
# Above: the Frobenius norm of τJ, √(n – 1) / n (dashed) for narrow logits, where
# attention is uniform, and gone for wide ones, where it is a spike; claim S9.3
# says that the maximum lies between. Below: the entropy of p relative to ln n.
# Lines are medians over draws, bands reach from the 10 % to the 90 % quantile.
# Slice: rows of n = 197 independent normal logits at τ = 1, the same draws at
# every width.
eval canvas(560)
n = 197
data = "softmax-widths.tsv"
set logscale x
set xrange [0.01:100]
set format x ""
set key top left reverse Left
set multiplot layout 2,1 margins 0.09,0.975,0.11,0.97 spacing 0.085,0.06
set ylabel "‖τJ‖_F" offset 1
set yrange [0:0.48]
set ytics 0.1
set label 1 "uniform: √(n – 1) / n" at 0.012,0.045 textcolor rgb faint
plot data using 1:2:4 with filledcurves lc rgb blue title "10–90 % of draws", \
     sqrt(n - 1.0) / n with lines dt 2 lc rgb faint notitle, \
     data using 1:3 with lines lw 2 lc rgb blue title "median"
unset label 1
set format x "%g"
set xlabel "standard deviation of the logits" offset 0,0.2
set ylabel "H / ln n"
set yrange [0:1.08]
set ytics 0.25
set key bottom left
plot data using 1:5:7 with filledcurves lc rgb orange title "10–90 % of draws", \
     data using 1:6 with lines lw 2 lc rgb orange title "median"
unset multiplot
