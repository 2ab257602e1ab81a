# A slice in W_V is a bowl for either kernel; a slice in W_Q is not.
# Loss of single-layer attention over the plane θ + a d_1 + b d_2, softmax left,
# Gaussian kernel right. Above (and as a surface) W_Q is trained, below W_V, in
# which the loss is a quadratic for both kernels (claim G24). Tokens, targets,
# weights θ (the cross) and directions are the same left and right, and a row has
# one colour scale. Slice: N = n = d = 4, D = 16, H = 1, m = 2; W_Q and W_K of
# standard deviation 0.2, W_V 1/4, W_O 1/2, tokens and targets 1; θ is a drawn
# start; d_1 and d_2 are random, orthogonal before each column got the norm that it
# has in θ.
eval canvas(940)
data = "landscape-kernels.tsv"
set datafile separator whitespace # as in the table of contours
set style fill solid 1 noborder
set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725')
array row = ["W_Q", "W_V"]
array name = ["softmax", "Gaussian"]
# The largest of 1, 2, 5 times a power of ten that is not above s.
nice(s) = (p = 10.0**floor(log10(s)), s / p < 2 ? p : s / p < 5 ? 2 * p : 5 * p)
array low = [0, 0]
array high = [0, 0]
do for [k = 0:1] {
    stats data index 2 * k using 4 nooutput name "L"
    stats data index 2 * k + 1 using 4 nooutput name "R"
    low[k + 1] = L_min < R_min ? L_min : R_min
    high[k + 1] = L_max > R_max ? L_max : R_max
}
unset key
set tics scale 0.5
set multiplot

# maps, with the surfaces of the first row between
array bottom = [0.69, 0.05]
array reach = [3, 1]
do for [k = 1:2] {
    step = nice((high[k] - low[k]) / 5)
    set cbrange [low[k]:high[k]]
    set cbtics step
    set xrange [-reach[k]:reach[k]]
    set yrange [-reach[k]:reach[k]]
    set xtics reach[k] / 3.0 > 0.5 ? 1 : 0.5
    set ytics reach[k] / 3.0 > 0.5 ? 1 : 0.5
    set xlabel "a" offset 0,0.8
    do for [i = 0:1] {
        set table $levels
        set contour base
        unset surface
        set cntrparam levels incremental 0, step / 2, high[k]
        splot data index 2 * k - 2 + i using 2:3:4 with lines
        unset table
        unset contour
        set surface
        set lmargin at screen i ? 0.51 : 0.07
        set rmargin at screen i ? 0.89 : 0.45
        set bmargin at screen bottom[k]
        set tmargin at screen bottom[k] + 0.285
        set title name[i + 1] . ", " . row[k] offset 0,-0.6
        set ylabel i ? "" : "b" offset 1.2
        if (i) { set colorbox user origin screen 0.915,bottom[k] size screen 0.018,0.285 } \
        else { unset colorbox }
        plot data index 2 * k - 2 + i using 2:3:4 with image, \
             $levels using 1:2 with lines lw 0.8 lc rgb "#40808080", \
             "<echo 0 0" using 1:2 with points pt 2 ps 1 lw 2 lc rgb "#d55e00"
    }
}

unset colorbox
unset title
unset ylabel
unset xlabel
set border 4095 lw 0.5 lc rgb faint
set view 60,32,1.05,1.4
set xyplane at low[1]
set xrange [-3:3]
set yrange [-3:3]
set zrange [low[1]:high[1]]
set cbrange [low[1]:high[1]]
set xtics 3 offset 0,-0.4
set ytics 3 offset 0.4,-0.2
set ztics 2 * nice((high[1] - low[1]) / 5) offset 0.6
unset lmargin
unset rmargin
unset bmargin
unset tmargin
set size 0.44,0.29
do for [i = 0:1] {
    set origin i ? 0.47 : 0.03,0.35
    splot data index i every 4:4 using 2:3:4:4 with pm3d, \
          data index i every 4:4 using 2:3:4 with lines lw 0.3 lc rgb "#60808080"
}
unset multiplot
