# Where attention goes before and after a Eureka-moment.
# The two-step task on tokens, four samples of a probe that stays the same. Top:
# NormSoftmax (standard deviation) at the last evaluation before its moment; middle:
# 100 steps beyond it; bottom: softmax from the same start, on the same samples, at
# that step. Per layer and head what each token receives, mean over the rows of A,
# from none (dark) to the largest of its line (bright); "gradient": |d loss / d
# token|. Token 0 is the CLS, 1 and 4 the indicators, 2 and 3 the targets; the
# triangle marks the target that gives the label. Slice: 16 tokens and CLS, width
# 32, depth 2, 2 heads.
data = "eureka-maps.tsv"
stats data using 1 nooutput
blocks = STATS_blocks - 1 # two blank lines end the last one too
stats data using 5 nooutput
samples = int(STATS_max) + 1
stats data using 6 nooutput
panels = int(STATS_max) + 1
stats data using 8 nooutput
heads = int(STATS_max)
stats data using 10 nooutput
tokens = int(STATS_max) + 1
rows = blocks / samples
tick = int(2**ceil(log(tokens / 5.0) / log(2)))
array run[blocks]
array step[blocks]
array accuracy[blocks]
array chosen[blocks]
do for [i = 0:blocks - 1] {
    stats data index i using 1:2 nooutput name "R"
    stats data index i using 3:4 nooutput name "C"
    run[i + 1] = int(R_min_x)
    step[i + 1] = int(R_min_y)
    accuracy[i + 1] = C_min_x
    chosen[i + 1] = C_min_y
}
set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725')
set cbrange [0:1]
unset colorbox
unset key
unset border
unset tics
set style fill solid 1 noborder
how = format eq "svg" ? "with image pixels" : "with image"
named(k) = k == 0 ? "input" : k == 1 ? "gradient" : sprintf("layer %d head %d", (k - 2) / heads + 1, (k - 2) % heads + 1)
said(k) = k == 2 ? "softmax" : k == 1 ? "NormSoftmax, after its moment" : "NormSoftmax, before its moment"
left = 108
gap = 8
head = 46
cell = (852.0 - left - gap * (samples - 1)) / samples
tall = 16.0 * panels
foot = 52
high = rows * (tall + head) + foot
eval canvas(int(high))
bar = "set colorbox horizontal user origin screen 0.44,13.0 / high size screen 0.2,10.0 / high; set label 3 'none' at screen 0.432,18.0 / high right; set label 4 'the largest of the line' at screen 0.648,18.0 / high left"
set xrange [-0.5:tokens - 0.5]
set yrange [panels - 0.5:-0.5]
set multiplot
do for [i = 0:blocks - 1] {
    at = i % samples
    x = left + (cell + gap) * at
    row = i / samples
    y = high - (row + 1) * (tall + head)
    set lmargin at screen x / 860
    set rmargin at screen (x + cell) / 860
    set bmargin at screen y / high
    set tmargin at screen (y + tall) / high
    if (at == 0) {
        set label 1 sprintf("%s: step %d, accuracy %.2f", said(run[i + 1]), step[i + 1], accuracy[i + 1]) at graph 0,1 left offset 0,1.7
        do for [k = 0:panels - 1] {
            set label 10 + k named(k) at graph -0.02,1 - (k + 0.5) / panels right
        }
    } else {
        unset label 1
        do for [k = 0:panels - 1] { unset label 10 + k }
    }
    set label 2 "▼" at chosen[i + 1],-0.5 center offset 0,0.35
    if (row == rows - 1) { set xtics nomirror scale 0 0,tick,tokens - 2 offset 0,0.7 }
    if (i == blocks - 1) { @bar }
    plot data index i using 10:9:11 @how
}
unset multiplot
