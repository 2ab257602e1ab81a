# What `landscape --out DIR` leaves behind: a map (and a surface) a kernel on one
# colour scale, or lines.  slice.gp says which slice it is.
load "slice.gp"
data = "landscape.tsv"
eval canvas(lines == 1 ? 440 : panels == 1 ? 460 : 800)
set datafile separator whitespace # as in the table of contours
set style fill solid 1 noborder
set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725')
array name = [kernel_0, kernel_1]
array colour = [blue, orange]
nice(s) = (p = 10.0**floor(log10(s)), s / p < 2 ? p : s / p < 5 ? 2 * p : 5 * p)
set label 1 caption_1 at screen 0.5,(panels == 1 ? 0.06 : 0.034) center
set label 2 caption_2 at screen 0.5,(panels == 1 ? 0.02 : 0.012) center
unset key
set tics scale 0.5

if (lines == 1) {
    set label 1 at screen 0.5,0.07
    set label 2 at screen 0.5,0.03
    set bmargin at screen 0.2
    set lmargin at screen 0.1
    set rmargin at screen 0.96
    set tmargin at screen 0.97
    set key top center
    set xlabel "a" offset 0,0.4
    set ylabel "loss, " . trained . " moved" offset 0.6
    plot for [i = 1:panels] data using 1:(column(2 + i)) with lines lw 2 \
        lc rgb colour[i] title name[i]
    exit
}

low = 1e308
high = -1e308
do for [i = 1:panels] {
    stats data using 2 + i nooutput name "F"
    low = F_min < low ? F_min : low
    high = F_max > high ? F_max : high
}
high = high > low ? high : low + (low == 0 ? 1 : abs(low))
stats data using 1 nooutput name "A"
stats data using 2 nooutput name "B"
step = nice((high - low) / 5)
set cbrange [low:high]
set cbtics step
set xrange [A_min:A_max]
set yrange [B_min:B_max]
# One kernel: map and surface side by side; two: maps above surfaces.
foot = panels == 1 ? 0.2 : 0.545
top = panels == 1 ? 0.93 : 0.96
set multiplot
do for [i = 1:panels] {
    # a flat slice has no contours
    set table $levels
    set contour base
    unset surface
    set cntrparam levels incremental step * floor(low / step), step / 2, high
    splot data using 1:2:(column(2 + i)) with lines
    unset table
    unset contour
    set surface
    left = i == 1 ? 0.075 : 0.51
    set lmargin at screen left
    set rmargin at screen left + 0.375
    set bmargin at screen foot
    set tmargin at screen top
    set title name[i] . ", " . trained offset 0,-0.6
    set xlabel "a" offset 0,0.5
    set ylabel i == 1 ? "b" : "" offset 1.2
    if (i == panels) { set colorbox user origin screen left + 0.385,foot size screen 0.016,top - foot } \
    else { unset colorbox }
    plot data using 1:2:(column(2 + i)) with image, \
         $levels using 1:2 with lines lw 0.8 lc rgb "#40808080", \
         "<echo 0 0" using 1:2 with points pt 2 ps 1 lw 2 lc rgb "#d55e00"
    unset label
}
unset colorbox
unset title
unset ylabel
unset xlabel
unset lmargin
unset rmargin
unset bmargin
unset tmargin
set border 4095 lw 0.5 lc rgb faint
set view 60,32,1.05,1.3
set xyplane at low
set zrange [low:high]
half_a = (A_max - A_min) / 2
half_b = (B_max - B_min) / 2
set xtics half_a offset 0,-0.4
set ytics half_b offset 0.4,-0.2
set ztics 2 * step offset 0.6
# about 40 cells a side
skip = ceil(sqrt(F_records) / 40.0)
set size 0.46, panels == 1 ? 0.75 : 0.42
do for [i = 1:panels] {
    set origin panels == 1 ? 0.54 : i == 1 ? 0.01 : 0.45, panels == 1 ? 0.19 : 0.055
    splot data every skip:skip using 1:2:(column(2 + i)):(column(2 + i)) with pm3d, \
          data every skip:skip using 1:2:(column(2 + i)) with lines lw 0.3 lc rgb "#60808080"
}
unset multiplot
