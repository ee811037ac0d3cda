#include "daemon/page_budget.h"

bool page_budget_allows(struct page_budget *budget, uint64_t now_us)
{
    uint64_t earned = (now_us - budget->at_us) / PAGE_BUDGET_SHARE;

    budget->spent_us -= earned < budget->spent_us ? earned : budget->spent_us;
    budget->at_us += earned * PAGE_BUDGET_SHARE;
    return budget->spent_us < PAGE_BUDGET_US;
}

void page_budget_spend(struct page_budget *budget, uint64_t took_us)
{
    budget->spent_us += took_us;
}
