/* How much of the loop's time goes into pages that encode a whole report, for clients by TCP: a tenth in the
 * long run. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PAGE_BUDGET_SHARE 10 /* one part of so many .. */
#define PAGE_BUDGET_US                                                                             \
    100000ULL /* .. and so much at once; a page that takes longer is waited for */

/* All zero: nothing is spent. */
struct page_budget {
    uint64_t spent_us, at_us;
};

/* May one more be made? */
bool page_budget_allows(struct page_budget *budget, uint64_t now_us);
void page_budget_spend(struct page_budget *budget, uint64_t took_us);
