# Attention polarises towards a corner, but not always straight away.
# Attention p of three tokens under gradient flow of a logistic or an exponential
# loss, which share their orbits, from starts all over the simplex (dots). Blue
# where entropy falls, orange where it rises; grey contours are entropies of
# 95, 80, 60, 40 and 20 % of ln 3. Left: V(0) = 0; the largest a(0) wins and
# entropy never rises (claim F9). Right: projections u(0) = (0, 1, 2) of the
# values on the target; a start that prefers token 1 first turns towards uniform
# attention, and a strong one may win all the same (claim F21). Slice: p of the
# 2n numbers (u, a); n = 3, u(0) fixed, p(0) on a grid of step 1/9, orbit time up
# to 80.
eval canvas(430)
data = "flow-orbits.tsv"
set datafile separator whitespace # as in the table of contours
h = sqrt(3) / 2
X(p2, p3) = p2 + p3 / 2.0
Y(p3) = h * p3
plogp(p) = p > 0 ? p * log(p) : 0
H(x, y) = (q3 = y / h, q2 = x - q3 / 2.0, q1 = 1 - q2 - q3, \
    q1 < 0 || q2 < 0 || q3 < 0 ? NaN : -(plogp(q1) + plogp(q2) + plogp(q3)) / log(3))
set contour base
unset surface
set cntrparam levels discrete 0.2, 0.4, 0.6, 0.8, 0.95
set samples 160
set isosamples 160
set table $contours
splot [0:1] [0:h] H(x, y)
unset table
unset contour
$triangle << EOD
0 0
1 0
0.5 0.8660254
0 0
EOD
unset border
unset tics
set xrange [-0.1:1.1]
set yrange [-0.12:1.0]
set size ratio -1
set multiplot layout 1,2 margins 0.01,0.99,0.02,0.93 spacing 0.02,0
do for [i = 0:1] {
    set title i ? "u(0) = (0, 1, 2)" : "V(0) = 0" offset 0,-0.8
    unset label
    set label 1 "token 1" at -0.02,-0.055 center
    set label 2 "token 2" at 1.02,-0.055 center
    set label 3 "token 3" at 0.5,h + 0.05 center
    if (i) { set key at graph 0.99,0.93 } else { unset key }
    plot $contours using 1:2 with lines lw 0.7 lc rgb faint notitle, \
         $triangle using 1:2 with lines lw 1 lc rgb faint notitle, \
         data using ($1 == i ? X($4, $5) : NaN):(Y($5)) \
             with lines lw 1.6 lc rgb blue title "H falls", \
         data using ($1 == i && $7 > 0 ? X($4, $5) : NaN):(Y($5)) \
             with lines lw 1.6 lc rgb orange title "H rises", \
         data using ($1 == i && $2 == 0 ? X($4, $5) : NaN):(Y($5)) \
             with points pt 7 ps 0.45 lc rgb faint notitle
}
unset multiplot
