# Recorded: when each way of attending has its moment, five seeds each.
# Top: the step of the Eureka-moment, a dot a run with its seed; at the right edge
# runs that had none within 10,000 steps. Below: accuracy of the same runs, dashed
# the cap without the indicators; a run ends 1000 steps after its moment. Heat
# Treatment lowers the scale of the scores from 6 to 1/4 over 5000 steps; the
# one-step control (2000 steps) has no first step to find. Trained once, on one
# machine: `make reproduce` trains anew. Claims H4 to H7 are about these runs.
# Slice: 16 tokens and CLS, width 32, depth 2, 2 heads, AdamW, learning rate 3e-3,
# batch 64; an evaluation of 1024 fresh samples every 100 steps.
eval canvas(760)
data = "eureka-arms.tsv"
array label[6] = ["softmax", "NormSoftmax, deviation", "one-step control", \
                  "uniform", "NormSoftmax, variance", "Heat Treatment"]
array at[6] = [1, 2, 0, 5, 3, 4]
array colour[6] = [0x0072B2, 0xD55E00, 0x808080, 0x808080, 0x009E73, 0xA8588A]
cap = real(system(sprintf("awk -F'\t' '!/^#/ { print $8; exit }' %s", data)))
steps = 10000
row(a, s) = 6 - at[a + 1] - 0.17 * (s - 3)
unset key
set multiplot
# ---- the steps
set lmargin at screen 0.2
set rmargin at screen 0.985
set tmargin at screen 0.945
set bmargin at screen 0.56
set title "step of the Eureka-moment" offset 0,-0.6
set xrange [0:1.1 * steps]
set yrange [0.4:5.6]
set xtics 0,2000,8000
set xtics add ("none" 1.05 * steps)
set ytics scale 0
set ytics ("softmax" 5, "NormSoftmax, deviation" 4, "NormSoftmax, variance" 3, \
           "Heat Treatment" 2, "uniform" 1)
set arrow 1 from steps, graph 0 to steps, graph 1 nohead dt 2 lc rgb faint
hit = "($4 == 100 && $1 != 2 && $3 > 0 ? $3 : 1/0)"
miss = "($4 == 100 && $1 != 2 && $3 == 0 ? 1.05 * steps : 1/0)"
plot data using (@hit):(row($1, $2)):(colour[$1 + 1]) with points pt 7 ps 0.7 lc rgb variable, \
     data using (@miss):(row($1, $2)):(colour[$1 + 1]) with points pt 6 ps 0.7 lc rgb variable, \
     data using (@hit):(row($1, $2)):(sprintf("{/*0.8 %d}", $2)) with labels offset 0.9,0 left textcolor rgb faint, \
     data using (@miss):(row($1, $2)):(sprintf("{/*0.8 %d}", $2)) with labels offset 0.9,0 left textcolor rgb faint
unset arrow 1
# ---- accuracy, a panel an arm
set yrange [0:1.05]
set xrange [0:steps]
unset xtics
set xtics 0,5000,5000 nomirror
do for [a = 0:5] {
    column = at[a + 1] == 0 ? 5 : at[a + 1] - 1
    x = 0.075 + 0.31 * (column % 3)
    y = column < 3 ? 0.3 : 0.05
    set lmargin at screen x
    set rmargin at screen x + 0.28
    set bmargin at screen y
    set tmargin at screen y + 0.17
    set title label[a + 1] offset 0,-0.8
    set ytics 0.5 nomirror
    set format y column % 3 == 0 ? "%g" : ""
    plot cap with lines dt 2 lc rgb faint, \
         for [s = 0:4] data index a * 5 + s using 4:5 with lines lw 1.3 lc rgb colour[a + 1]
}
unset multiplot
