/* Reads the golden pack: prints a tensor of a safetensors file, or checks your numbers against it.
 *
 *     cc -O2 -o read read.c -lm
 *     ./read cases/tiny-all/f64.safetensors                  lists the tensors
 *     ./read cases/tiny-all/f64.safetensors logits           prints one, a row to a line
 *     ./read cases/tiny-all/f64.safetensors logits mine.f32  compares with raw f32 numbers
 *
 * The header is plain JSON, and the pack's is regular: `"name":{...,"data_offsets":[a,b]}`. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path, long *size) {
  FILE *file = fopen(path, "rb");
  if (!file) { perror(path); exit(1); }
  fseek(file, 0, SEEK_END);
  *size = ftell(file);
  rewind(file);
  char *bytes = malloc(*size + 1);
  if (!bytes || fread(bytes, 1, *size, file) != (size_t)*size) { perror(path); exit(1); }
  bytes[*size] = 0;
  fclose(file);
  return bytes;
}

static double number(const char *at, const char *dtype, long i) {
  if (!strncmp(dtype, "F64", 3)) { double x; memcpy(&x, at + 8 * i, 8); return x; }
  if (!strncmp(dtype, "F32", 3)) { float x; memcpy(&x, at + 4 * i, 4); return x; }
  int x; memcpy(&x, at + 4 * i, 4); return x; /* I32 */
}

int main(int argc, char **argv) {
  if (argc < 2) { fputs("usage: read FILE [TENSOR [RAW-F32-FILE]]\n", stderr); return 2; }
  long size, mine_size = 0;
  char *bytes = read_file(argv[1], &size);
  unsigned long long length; memcpy(&length, bytes, 8); /* little-endian machines */
  char *header = malloc(length + 1), *data = bytes + 8 + length;
  memcpy(header, bytes + 8, length); header[length] = 0;
  for (char *at = header; (at = strstr(at, "\"dtype\"")); at++) {
    char *brace = at; while (*brace != '{') brace--;
    char *end = brace - 1; while (*end != '"') end--;
    char *name = end - 1; while (*name != '"') name--;
    int n = end - name - 1;
    char *dtype = strchr(at + 7, '"') + 1, *shape = strchr(strstr(brace, "\"shape\""), '[');
    long from, to, width = 1;
    sscanf(strchr(strstr(brace, "\"data_offsets\""), '['), "[%ld,%ld", &from, &to);
    for (char *c = shape; *c != ']'; c++) if (*c == '[' || *c == ',') width = atol(c + 1);
    if (argc == 2) { printf("%.*s %.3s %.*s\n", n, name + 1, dtype, (int)(strchr(shape, ']') + 1 - shape), shape); continue; }
    if ((long)strlen(argv[2]) != n || strncmp(argv[2], name + 1, n)) continue;
    long count = (to - from) / (dtype[1] == '6' ? 8 : 4);
    if (argc == 3) {
      for (long i = 0; i < count; i++) printf("%.17g%c", number(data + from, dtype, i), (i + 1) % width ? ' ' : '\n');
      return 0;
    }
    char *mine = read_file(argv[3], &mine_size);
    if (mine_size != 4 * count) { fprintf(stderr, "%s: expected %ld f32 numbers, got %ld bytes\n", argv[3], count, mine_size); return 1; }
    double worst = 0, largest = 0;
    for (long i = 0; i < count; i++) {
      double want = number(data + from, dtype, i), got = number(mine, "F32", i);
      if (isinf(want)) continue; /* masked scores */
      worst = fmax(worst, isnan(got) ? INFINITY : fabs(got - want)), largest = fmax(largest, fabs(want));
    }
    printf("%s: largest error %.3g of the largest magnitude\n", argv[2], worst / largest);
    return 0;
  }
  if (argc > 2) { fprintf(stderr, "%s: no tensor %s\n", argv[1], argv[2]); return 1; }
  return 0;
}
