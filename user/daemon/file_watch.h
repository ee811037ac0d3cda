/* Notices when a file is another one, or may be: written to, replaced by an editor, or by a symbolic link on
 * the way to it that is changed, as Kubernetes does with a ConfigMap. inotify(7). */
#pragma once

struct event_base;
struct file_watch;

/* `changed` is called from the event loop, when it has been quiet for a moment; the content may be the same
 * all the same. Borrows `base`, and `path` for its life. 0; -errno: what watching takes is missing, such as
 * the permission to read the directory (-EACCES) or one more watch (-ENOSPC). */
int file_watch_new(struct event_base *base, const char *path, void (*changed)(void *arg), void *arg,
                   struct file_watch **out);
void file_watch_free(struct file_watch *watch); /* NULL is fine */
