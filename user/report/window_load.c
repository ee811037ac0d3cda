#include "report/window_load.h"

bool window_load_is_zero(const struct window_load *load)
{
    return !(load->issued | load->success | load->error | load->new_connections |
             load->failed_connections);
}
