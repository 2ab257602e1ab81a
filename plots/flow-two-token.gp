# Two tokens: the sign of D₀ + 2 sinh(δ₀/2) decides who wins.
# Left: the token that wins, measured at t = 10⁶, over D₀ = u₁ – u₂ (values) and
# δ₀ = a₁ – a₂ (logits) at the start. White: the separatrix D₀ + 2 sinh(δ₀/2) = 0
# of claim F14, which ends at the uniform saddle. Middle: by how much entropy
# rises before it falls; it does wherever values and logits disagree in order
# (claim F21). Right: when entropy falls below ½ log 2, the end of the plateau;
# left out where it began below.
# Slice: u₁ + u₂ = 0, logistic loss, one start a pixel.
eval canvas(400)
data = "flow-two-token.tsv"
set style fill solid 1 noborder
set xrange [-4:4]
set yrange [-4:4]
set xtics 2 scale 0.5
set ytics 2 scale 0.5
set border 0
set key off
set xlabel "D_0" offset 0,0.5
set cbtics out scale 0.5
separatrix(x) = -2 * asinh(x / 2)
set multiplot layout 1,3 margins 0.065,0.985,0.31,0.91 spacing 0.055,0

set title "winner" offset 0,-0.4
set ylabel "δ_0" offset 1.2
set palette maxcolors 3 defined (0 faint, 1 blue, 2 orange)
set cbrange [-0.5:2.5]
unset colorbox
set label 1 "token 1" at 1.9,2.4 center textcolor rgb "white" front
set label 2 "token 2" at -1.9,-2.4 center textcolor rgb "white" front
plot data using 1:2:6 with image, \
     separatrix(x) with lines lw 2 lc rgb "white"

unset label 1
unset label 2
unset ylabel
set format y ""
set title "rise of entropy"
set colorbox horizontal user origin graph 0.05,-0.33 size graph 0.9,0.04
set palette maxcolors 0 defined (0 "#dddddd", 0.001 "#ecd9c6", 1 orange)
set cbrange [0:0.6]
set cbtics 0.2
set cblabel "nat" offset 0,0.6
plot data using 1:2:8 with image

set title "end of the plateau"
set palette defined (0 "#dbe7ef", 1 "#7fb2d6", 2 blue, 3 "#0b2a40")
set cbrange [-1:6]
set cbtics 1
set cblabel "log_{10} t" offset 0,0.6
plot data using 1:2:9 with image
unset multiplot
