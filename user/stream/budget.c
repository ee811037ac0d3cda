#include "stream/budget.h"

void budget_start(struct budget *budget, uint64_t now_us)
{
    *budget = (struct budget){.at_us = now_us};
}

static void refill(struct budget *budget, uint64_t now_us)
{
    uint64_t earned = (now_us - budget->at_us) * BUDGET_PER_SECOND / 1000000;

    if (earned >= budget->spent) {
        budget->spent = 0;
        budget->at_us = now_us;
        return;
    }
    budget->spent -= earned;
    budget->at_us += earned * 1000000 / BUDGET_PER_SECOND; /* what is below one is kept */
}

bool budget_spend(struct budget *budget, uint64_t frames, uint64_t bytes, uint64_t messages,
                  uint64_t now_us)
{
    uint64_t owed = budget->bytes_left + bytes;

    refill(budget, now_us);
    budget->bytes_left = owed % BUDGET_BYTES;
    budget->spent += owed / BUDGET_BYTES + frames * BUDGET_FRAME + messages * BUDGET_MESSAGE;
    return budget->spent <= BUDGET_FULL;
}
