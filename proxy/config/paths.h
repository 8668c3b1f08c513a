/* Paths of the settings: made absolute, home folders, the default data folder. */
#ifndef VIADUCT_CONFIG_PATHS_H
#define VIADUCT_CONFIG_PATHS_H

#include <stddef.h>

/* The value of a variable in a NULL-terminated list of "NAME=value"; NULL if it is unset or empty, or the list is NULL. */
const char *paths_env(const char *const *environment, const char *name);

/* The path made absolute: "~/x" stands for home/x, anything relative lies in folder (NULL: the working directory). The empty
 * path stays empty. A new string, or NULL if there is no home or no working directory, with the reason in ret_why. */
char *paths_resolve(const char *path, const char *folder, const char *home, char *ret_why, size_t size);
/* The folder that a file lies in, as it was spelt: "." for a bare name. A new string. */
char *paths_folder(const char *file);
/* Where the server notes its options about secrets (capture.redact…) for those who export from its data folder. A new string. */
char *paths_redact_note(const char *folder);
/* $XDG_STATE_HOME/viaduct, else $HOME/.local/state/viaduct; a new string, NULL if neither variable holds an absolute path. */
char *paths_data(const char *const *environment);

#endif
