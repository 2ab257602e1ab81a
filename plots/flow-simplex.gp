# Three tokens: where attention and values have the same order, entropy only falls.
# Left: by how much entropy rises before it falls, over the attention p(0) at the
# start (grey: never), for values u(0) = (1, ½, 0) under the logistic loss. In the
# outlined cone p₁ ≥ p₂ ≥ p₃, the order of u, it falls from the first moment (claim
# F9); outside it may rise (claim F21). Right: the token that wins. In the cone it
# is token 1, which has the largest u; elsewhere p(0) may outweigh that.
# Slice: u(0) fixed, logistic loss to t = 10⁶, one start a dot.
eval canvas(400)
data = "flow-simplex.tsv"
stats data using 1 nooutput
# grid (grid + 1) / 2 starts: dots that just touch
dot = 35 / (sqrt(2 * STATS_records + 0.25) - 0.5)
set style fill solid 1 noborder
set border 0
unset xtics
unset ytics
unset key
set xrange [-0.08:1.08]
set yrange [-0.12:0.97]
# token 1 on top, 2 to the left, 3 to the right
X(p1,p3) = p3 + p1 / 2.0
Y(p1) = p1 * sqrt(3) / 2
set label 1 "token 1" at 0.5,0.92 center
set label 2 "token 2" at 0,-0.06 center
set label 3 "token 3" at 1,-0.06 center
# the cone's corners: token 1, the middle of tokens 1 and 2, the centre
set object 1 polygon from X(1,0),Y(1) to X(0.5,0),Y(0.5) to \
    X(1.0/3,1.0/3),Y(1.0/3) to X(1,0),Y(1) front fillstyle empty \
    border lc rgb purple lw 1.8
set palette defined (0 "#cdcdcd", 0.001 "#ecd9c6", 1 "#d45d00")
set cbrange [0:0.12]
set cbtics 0.04 scale 0.5
set cblabel "rise of entropy (nat)" offset -0.4
set multiplot
set lmargin at screen 0.12
set rmargin at screen 0.55
set bmargin at screen 0.02
set tmargin at screen 0.98
set colorbox user origin screen 0.03,0.22 size screen 0.018,0.56
plot data using (X($1,$3)):(Y($1)):8 with points pt 7 ps dot lc palette
set lmargin at screen 0.57
set rmargin at screen 1
unset colorbox
unset object 1
set palette maxcolors 4 defined (0 faint, 1 blue, 2 orange, 3 green)
set cbrange [-0.5:3.5]
plot data using (X($1,$3)):(Y($1)):6 with points pt 7 ps dot lc palette
unset multiplot
