# Fonts, sizes and colours of every figure (Okabe and Ito's palette, which the
# colour-blind can tell apart).  Usage, in a folder that holds NAME.tsv:
#     cat plots/style.gp plots/NAME.gp | gnuplot > NAME.svg
# With `gnuplot -e "format = 'pngcairo'" ...` the figure comes out as PNG.
if (!exists("format")) format = "svg"
blue = "#0072B2"
orange = "#D55E00"
green = "#009E73"
purple = "#A8588A"
faint = "#808080"
# SVG counts a font's size in pixels, PNG in points of 4/3 pixels.
canvas(height) = sprintf("set terminal %s enhanced size 860,%d font 'sans,%d' %s", \
    format, height, format eq "svg" ? 13 : 10, \
    format eq "svg" ? "standalone" : "background 'white'")

set encoding utf8
set datafile separator "\t"
set border 3 lw 1
set tics out nomirror
set key samplen 1.6 spacing 1.25 width -1
set format y "%g"
set style fill transparent solid 0.18 noborder
