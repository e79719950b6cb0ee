// The table's row of that number: truncated, from the end where negative, NaN where there is no such row.
// The numbers' tensor has an axis less: its channels lie along the output's width, its width along the height.
#pragma glnn input x table
vec4 kernel(int n, int h, int w, int c) {
    int m = idiv(n, x_H);
    float number = x_at(m, n - m * x_H, h, w);
    float rows = float(table_W);
    bool found = number > -rows - 1.0 && number < rows;
    int row = found ? int(number) : 0;
    vec4 v = table(0, 0, row < 0 ? row + table_W : row, c);
    return found ? v : vec4(sqrt(-1.0 - abs(number)));
}
#pragma glnn test rows: x = [[0, 2, -1, 3, 1.9]], table = [[1, 2], [3, 4], [5, 6]]
#pragma glnn expect [[[1, 2], [5, 6], [5, 6], [nan, nan], [3, 4]]] as float32, rgba8
