# With two tokens it is known who wins, and when entropy rises first.
# Each point is a start: across, how far apart the values are on the target; up,
# how far apart the logits are. Its colour is the token that wins. The curve is the
# separatrix D_0 + 2 sinh(δ_0/2) = 0, on which attention goes to uniform (claim
# F14); large points are starts whose entropy rises first, which happens where D_0
# and δ_0 have opposite signs and nowhere else (R11). Slice: n = 2, logistic loss,
# u_1 + u_2 = 0, flow to t = 10^6, a grid of 41 by 41 starts.
eval canvas(520)
data = "flow-two-token.tsv"
set size ratio 1
set xrange [-4.15:4.15]
set yrange [-4.15:4.15]
set xtics 1
set ytics 1
set xlabel "D_0 = u_1 – u_2" offset 0,0.2
set ylabel "δ_0 = a_1 – a_2" offset 0.6
set key outside right top reverse Left width -3
set samples 200
rises(r) = r > 1e-9
plot data using ($6 == 1 && !rises($8) ? $1 : NaN):2 with points pt 7 ps 0.2 \
         lc rgb blue title "token 1 wins", \
     data using ($6 == 2 && !rises($8) ? $1 : NaN):2 with points pt 7 ps 0.2 \
         lc rgb orange title "token 2 wins", \
     data using ($6 == 1 && rises($8) ? $1 : NaN):2 with points pt 7 ps 0.5 \
         lc rgb blue title "after entropy rose", \
     data using ($6 == 2 && rises($8) ? $1 : NaN):2 with points pt 7 ps 0.5 \
         lc rgb orange title "after entropy rose", \
     (x > -2 * sinh(2.1) && x < 2 * sinh(2.1)) ? -2 * asinh(x / 2) : NaN \
         with lines lw 2 lc rgb green title "separatrix"
