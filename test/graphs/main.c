/* Reads samples from standard input; prints the bytes of memory, then logit, score and name of each class. */
#include <stdio.h>
#include "earshot_model.h"

static float samples[2 * EARSHOT_SAMPLES];
static float features[EARSHOT_FRAMES * EARSHOT_BANDS];

int main(void)
{
  const size_t count = fread(samples, sizeof *samples, sizeof samples / sizeof *samples, stdin);
  float logits[EARSHOT_CLASSES], scores[EARSHOT_CLASSES];
  int i;
  earshot_features(samples, count, features);
  earshot_logits(features, logits);
  earshot_classify(samples, count, scores);
  printf("%d\n", EARSHOT_MEMORY);
  for (i = 0; i < EARSHOT_CLASSES; i++) {
    printf("%.9g %.9g %s\n", (double)logits[i], (double)scores[i], earshot_labels[i]);
  }
  return 0;
}
