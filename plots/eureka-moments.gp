# A two-step task: a plateau at what ignoring the indicators allows, then the moment.
# Softmax (blue) and NormSoftmax with the standard deviation (orange); runs of a
# seed share start and samples. Top: training loss (exponential mean over 100
# steps) beside the exact floors without the indicators and of a perfect network
# (claim H3), accuracy beside the cap. Middle: mean |dL/dW_Q| / mean |dL/dW_V| and
# entropy of attention; layer 1 solid, layer 2 dashed. Bottom: what indicators
# receive in layer 1 (dashed grey: 2/17, their share where attention is uniform),
# and in layer 2 what the CLS gives to the target that decides (solid) and to the
# other (dashed): equal until the moment. A run ends 300 steps after it. Slice: 16
# tokens and CLS, width 32, depth 2, 2 heads (averaged), AdamW; the rest on a probe
# of 64 samples.
eval canvas(860)
data = "eureka-moments.tsv"
stats data using 3 nooutput
runs = STATS_blocks - 1 # two blank lines end the last one too
last = STATS_max
set xrange [0:1.02 * last]
set xtics autofreq
unset key
arm(i) = i % 2 ? orange : blue
mark(c) = real(system(sprintf("awk -F'\t' '!/^#/ { print $%d; exit }' %s", c, data)))
cap = mark(14)
floor_ = mark(15)
perfect = mark(16)
set multiplot layout 3,2 margins 0.075,0.985,0.075,0.955 spacing 0.095,0.1
set title "training loss" offset 0,-0.6
set yrange [0.45:1.6]
set label 1 "floor, no indicators" at first 0.02 * last, floor_ - 0.06 left textcolor rgb faint
set label 2 "perfect network" at first 0.02 * last, perfect + 0.06 left textcolor rgb faint
set label 3 "softmax" at first 0.99 * last, 1.5 right textcolor rgb blue
set label 4 "NormSoftmax" at first 0.99 * last, 1.39 right textcolor rgb orange
plot floor_ with lines dt 2 lc rgb faint, perfect with lines dt 2 lc rgb faint, \
     for [i = 0:runs - 1] data index i using 3:4 with lines lw 1.6 lc rgb arm(i)
unset label
set title "accuracy"
set yrange [0:1.05]
set label 1 "cap, no indicators" at first 0.99 * last, cap - 0.12 right textcolor rgb faint
plot cap with lines dt 2 lc rgb faint, \
     for [i = 0:runs - 1] data index i using 3:5 with lines lw 1.6 lc rgb arm(i)
unset label
set title "gradient of W_Q over that of W_V"
set logscale y
set yrange [0.02:10]
set format y "%g"
plot for [i = 0:runs - 1] data index i using 3:7 with lines lw 1.4 lc rgb arm(i), \
     for [i = 0:runs - 1] data index i using 3:8 with lines lw 1.2 dt 2 lc rgb arm(i)
unset logscale y
set title "entropy of attention / ln N"
set yrange [0:1.05]
plot for [i = 0:runs - 1] data index i using 3:9 with lines lw 1.6 lc rgb arm(i), \
     for [i = 0:runs - 1] data index i using 3:10 with lines lw 1.2 dt 2 lc rgb arm(i)
set xlabel "step" offset 0,0.5
set title "layer 1: attention on the indicators"
set yrange [0:*]
plot 2.0 / 17 with lines dt 2 lc rgb faint, \
     for [i = 0:runs - 1] data index i using 3:11 with lines lw 1.6 lc rgb arm(i)
set title "layer 2: attention of the CLS on each target"
plot for [i = 0:runs - 1] data index i using 3:12 with lines lw 1.6 lc rgb arm(i), \
     for [i = 0:runs - 1] data index i using 3:13 with lines lw 1.2 dt 2 lc rgb arm(i)
unset multiplot
