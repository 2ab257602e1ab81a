# Where attention goes, head by head, beside the input and its gradient.
# Each sample: the input, |d loss / d token|, and for each layer and head the
# attention that a token receives, mean over the rows of A, from none (dark) to the
# panel's largest (bright), of a sequence its line's; the numbers are that largest
# share and the CLS' own.
if (!exists("data")) data = "attention-maps.tsv"
stats data using 10 nooutput
side = int(STATS_max)
blocks = STATS_blocks - 1 # two blank lines end the last one too
stats data using 1 nooutput
samples = int(STATS_max) + 1
stats data using 4 nooutput
heads = int(STATS_max)
stats data using 6 nooutput
tokens = int(STATS_max) + 1
stats data using 2 nooutput
first = int(STATS_min) # 1 where there is no input to show
panels = int(STATS_max) + 1 - first
tick = int(2**ceil(log(tokens / 5.0) / log(2)))
bright = "set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725')"
@bright
set cbrange [0:1]
unset colorbox
unset key
unset border
unset tics
unset cbtics
set style fill solid 1 noborder
named(k) = k == 0 ? "input" : k == 1 ? "gradient" : sprintf("layer %d head %d", (k - 2) / heads + 1, (k - 2) % heads + 1)
across = side > 0 ? (panels > 8 ? int(ceil(panels / ceil(panels / 8.0))) : panels) : (samples > 4 ? 4 : samples)
down = side > 0 ? int(ceil(real(panels) / across)) * samples : int(ceil(real(samples) / across))
# In pixels: gaps hold the titles, a margin on the left the names of rows.
left = side > 0 ? 8 : 108
gap = 8
head = side > 0 ? 32 : 22
cell = (852.0 - left - gap * (across - 1)) / across
tall = side > 0 ? cell : 16.0 * panels
foot = 52
high = down * (tall + head) + foot
eval canvas(int(high))
# cells stay sharp when a browser enlarges them
how = format eq "svg" ? "with image pixels" : "with image"
bar = "set colorbox horizontal user origin screen 0.44,13.0 / high size screen 0.2,10.0 / high; set label 3 'attention received: none' at screen 0.432,18.0 / high right; set label 4 'the largest of the " . (side > 0 ? "panel" : "line") . "' at screen 0.648,18.0 / high left"
set multiplot
do for [i = 0:blocks - 1] {
    at = side > 0 ? i % panels : i
    x = left + (cell + gap) * (at % across)
    row = side > 0 ? (i / panels) * (down / samples) + at / across : at / across
    y = high - (row + 1) * (tall + head)
    set lmargin at screen x / 860
    set rmargin at screen (x + cell) / 860
    set bmargin at screen y / high
    set tmargin at screen (y + tall) / high
    if (side > 0) {
        stats data index i using 2 nooutput name "P"
        stats data index i using 8 nooutput name "M"
        sub = ""
        if (P_min > 1) {
            sub = sprintf("%.2f", M_max)
            stats data index i using ($9 == $9 ? $9 : -1) nooutput name "C"
            sub = sub . (C_max < 0 ? "" : sprintf("  CLS %.2f", C_max))
        }
        set label 1 named(int(P_min)) at graph 0.5,1 center offset 0,1.5
        set label 2 sub at graph 0.5,1 center offset 0,0.6 textcolor rgb faint
        if (P_min == 0) { set palette gray } \
        else { @bright }
        set yrange [*:*] reverse
        if (i == blocks - 1) { @bar }
        plot data index i using 6:5:7 @how
    } else {
        set label 1 sprintf("sample %d", i) at graph 0.5,1 center offset 0,0.6
        set yrange [*:*] reverse
        set xrange [-0.5:tokens - 0.5]
        if (row == down - 1) { set xtics nomirror scale 0 0,tick,tokens - 2 offset 0,0.7 }
        if (i == blocks - 1) { @bar }
        if (at % across == 0) {
            do for [k = 0:panels - 1] {
                set label 10 + k named(first + k) at graph -0.02,1 - (k + 0.5) / panels right
            }
        } else {
            do for [k = 0:panels - 1] { unset label 10 + k }
        }
        plot data index i using 6:5:7 @how
    }
}
unset multiplot
