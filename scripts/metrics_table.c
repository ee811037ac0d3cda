/* Prints the table of metrics of the program whose archive it is linked with: `make docs`. */
#include <stdio.h>

void metrics_document(FILE *out); /* admin/metrics_page.h, or collector/metrics_page.h */

int main(void)
{
    puts("| name | type | unit | labels | is |\n| --- | --- | --- | --- | --- |");
    metrics_document(stdout);
    return 0;
}
