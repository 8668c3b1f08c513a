/* viaduct serve: the proxy. */
#ifndef VIADUCT_MAIN_SERVE_H
#define VIADUCT_MAIN_SERVE_H

/* argv begins behind the sub-command's name. Returns the exit status: 0 after an orderly end, 2 for what the operator has to
 * mend, 1 for what failed otherwise. */
int main_serve(int argc, char **argv);

#endif
