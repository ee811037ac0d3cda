#include "report/window_load.h"

void window_load_add(struct window_load *sum, const struct window_load *load)
{
    sum->issued += load->issued;
    sum->success += load->success;
    sum->error += load->error;
    sum->new_connections += load->new_connections;
    sum->failed_connections += load->failed_connections;
    bound_add(&sum->bound, &load->bound);
}

bool window_load_is_zero(const struct window_load *load)
{
    return !(load->issued | load->success | load->error | load->new_connections |
             load->failed_connections);
}
