"""The connection that lib/client2.py and lib/upstream2.py share: Debian's python3-h2, less strict."""

import h2.config
import h2.connection
import h2.events
import h2.settings

HEADERS_MAX = 1 << 20
WINDOW = 1 << 24


class Connection2(h2.connection.H2Connection):
    """Goes on after a GOAWAY, where h2 takes the connection as closed."""

    def _receive_goaway_frame(self, frame):
        event = h2.events.ConnectionTerminated()
        event.error_code, event.last_stream_id = frame.error_code, frame.last_stream_id
        return [], [event]


def connection(client, **settings):
    """settings: those of HTTP/2 by their names, e.g. HEADER_TABLE_SIZE=0."""
    codes = h2.settings.SettingCodes
    made = Connection2(h2.config.H2Configuration(
        client_side=client, header_encoding="latin-1", validate_inbound_headers=False,
        validate_outbound_headers=False))
    made.local_settings = h2.settings.Settings(client, {
        codes.MAX_HEADER_LIST_SIZE: HEADERS_MAX,
        **{codes[name]: value for name, value in settings.items()}})
    made.decoder.max_header_list_size = HEADERS_MAX
    # Until the peer has seen our settings it encodes for a table of 4096 bytes.
    made.decoder.max_allowed_table_size = max(4096, made.local_settings.header_table_size)
    made.initiate_connection()
    made.increment_flow_control_window(WINDOW)
    return made
