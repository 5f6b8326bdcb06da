/* empty.c - a preload that does nothing: what there is to compare a start under ours with. */
void bench_heap_empty(void);

void bench_heap_empty(void)
{
}
