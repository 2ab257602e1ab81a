# The PL inequality holds where W_V is trained; in W_Q softmax loses it.
# Above |∇f|² / (2f) along gradient descent, below the loss. Dashed: µ, the square
# of the smallest singular value of dF/dθ at the start. Left, W_V is trained (step
# 1/L): dF/dθ is constant, and the ratio may come near µ, never below it (claim
# G5). Right, W_Q is trained (backtracking) on targets that the Gaussian kernel can
# attain, those of a teacher near the start: its loss goes on falling and its ratio
# stays above µ, while softmax, whose outputs cannot leave the convex hull of its
# values (claim G19), ends at a positive loss with its ratio going to zero; its µ is
# zero up to rounding (claim G15). Slice: N = 2, n = m = 3, D = 8, d = 5, H = 1, W_Q
# and W_K of standard deviation 0.3, all else 1; the teacher's W_Q is off by 0.03.
eval canvas(572)
data = "pl-ratio.tsv"
set logscale xy
set format x "10^{%T}"
set format y "10^{%T}"
set xrange [1:4e4]
set xtics 10
set mxtics 1
set mytics 1
unset key
array colour = [blue, orange]
array name = ["softmax", "Gaussian"]
array trained = ["W_V", "W_Q"]
mu(r) = real(system(sprintf("awk '$1 == \"%d\" { print $5; exit }' %s", r, data)))
set multiplot layout 2,2 margins 0.085,0.885,0.118,0.946 spacing 0.155,0.075
end(r, c) = real(system(sprintf("awk '$1 == \"%d\" { x = $%d } END { print x }' %s", r, c, data)))
do for [panel = 0:3] {
    k = panel % 2
    below = panel > 1
    set title below ? "" : trained[k + 1] . " trained" offset 0,-0.6
    set xlabel below ? "step + 1" : "" offset 0,0.3
    set ylabel k ? "" : below ? "loss f" : "|∇f|^2 / (2f)" offset 1
    if (below) { set yrange [*:*] } else { set yrange [k ? 1e-8 : 1e-6:200] }
    set ytics below && !k ? 10 : 100
    unset label
    do for [i = 1:2] {
        set label i below ? "" : name[i] at first 4.6e4, end(2 * k + i - 1, 4) \
            textcolor rgb colour[i]
    }
    plot for [i = 0:1] data index 2 * k + i using ($2 + 1):(below ? $3 : $4) \
             with lines lw 2 lc rgb colour[i + 1], \
         for [i = 0:1] data index 2 * k + i using ($2 + 1):(below ? NaN : $5) \
             with lines lw 1.4 dt 2 lc rgb colour[i + 1]
}
unset multiplot
